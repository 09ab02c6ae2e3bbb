<?xml version="1.0" encoding="UTF-8"?>
<!-- SPDX-License-Identifier: Apache-2.0 -->
<!--
  notification.xsl - OSIA notifications of civil events, with what was read back of the persons, to common records.

  A notification names an event and the UINs of those in it, in a message that is a text holding JSON. It has no names and no day of
  the event. Who fetches notifications can put the persons that it read back beside them:

    {"notification": {"type": "Notification", "topic": "adoption", …}, "persons": {"UIN": {"firstName": "…", "dob": {"code": 1023, …}}}}

  Attributes that the registry answers with an error are warned of and left out.
-->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:kw="urn:kinward:mapping:1"
  xmlns:j="http://www.w3.org/2005/xpath-functions" xmlns="urn:kinward:record:1" exclude-result-prefixes="kw j">
  <kw:mapping id="osia-notification" version="1" format="json"/>

  <xsl:param name="registry" select="'osia'"/>
  <xsl:param name="system" select="'osia'"/>
  <xsl:param name="jurisdiction" select="'ZZ'"/>
  <xsl:param name="raw-hash"/>
  <xsl:param name="mapping-id"/>
  <xsl:param name="mapping-version"/>
  <xsl:param name="profile"/>

  <xsl:variable name="own-country">
    <xsl:if test="$jurisdiction != 'ZZ'"><xsl:value-of select="$jurisdiction"/></xsl:if>
  </xsl:variable>
  <xsl:variable name="notification" select="/j:map/j:map[@key = 'notification'] | /j:map[not(j:map[@key = 'notification'])]"/>
  <xsl:variable name="persons" select="/j:map[j:map[@key = 'notification']]/j:map[@key = 'persons']/j:map"/>
  <xsl:variable name="topic" select="kw:text($notification/j:string[@key = 'topic'])"/>
  <xsl:variable name="stamp" select="kw:text($notification/j:string[@key = 'timestamp'])"/>
  <xsl:variable name="message-id" select="kw:text($notification/j:string[@key = 'messageId'])"/>
  <xsl:variable name="single" select="' liveBirth death foetalDeath birthCancellation '"/>
  <xsl:variable name="known" select="concat($single, 'marriage divorce annulment separation adoption legitimation recognition ')"/>

  <xsl:template match="/">
    <records>
      <xsl:choose>
        <xsl:when test="$notification/j:string[@key = 'type'] = 'SubscriptionConfirmation'"/>
        <xsl:when test="$notification/j:string[@key = 'type'] != 'Notification' or not($notification/j:string[@key = 'message'])">
          <xsl:message terminate="yes">the document is no OSIA notification</xsl:message>
        </xsl:when>
        <xsl:when test="$topic = '' or contains($topic, ' ') or not(contains($known, concat(' ', $topic, ' ')))">
          <xsl:message terminate="yes">the topic of the notification is not one of <xsl:value-of select="normalize-space($known)"/></xsl:message>
        </xsl:when>
        <xsl:otherwise>
          <xsl:variable name="message" select="kw:json($notification/j:string[@key = 'message'])"/>
          <xsl:if test="not($message/j:string[@key = 'uin' or @key = 'uin1'][kw:text(.) != ''])">
            <xsl:message terminate="yes">the message of the notification has no UIN</xsl:message>
          </xsl:if>
          <xsl:call-template name="record"><xsl:with-param name="message" select="$message"/></xsl:call-template>
        </xsl:otherwise>
      </xsl:choose>
    </records>
  </xsl:template>

  <!-- What happens once in a life is named by its person, so that a cancellation finds it; the rest by the message. -->
  <xsl:template name="source-record">
    <xsl:param name="message"/>
    <xsl:variable name="uin" select="kw:text($message/j:string[@key = 'uin'])"/>
    <xsl:variable name="attributes">
      <xsl:for-each select="$persons/descendant::*[not(*)]"><xsl:value-of select="concat(ancestor::j:map[1]/@key, '/', @key, '=', ., '&#10;')"/></xsl:for-each>
    </xsl:variable>
    <xsl:variable name="when">
      <xsl:choose>
        <xsl:when test="$stamp != ''"><xsl:value-of select="$stamp"/></xsl:when>
        <xsl:when test="$message-id != ''"><xsl:value-of select="$message-id"/></xsl:when>
        <xsl:otherwise><xsl:value-of select="kw:id($notification)"/></xsl:otherwise>
      </xsl:choose>
    </xsl:variable>
    <sourceRecord>
      <registry><xsl:value-of select="$registry"/></registry>
      <system><xsl:value-of select="$system"/></system>
      <jurisdiction><xsl:value-of select="$jurisdiction"/></jurisdiction>
      <id>
        <xsl:choose>
          <xsl:when test="contains($single, concat(' ', $topic, ' '))"><xsl:value-of select="concat($topic, '-', $uin)"/></xsl:when>
          <xsl:when test="$message-id != ''"><xsl:value-of select="$message-id"/></xsl:when>
          <xsl:otherwise><xsl:value-of select="concat($topic, '-', kw:id($notification))"/></xsl:otherwise>
        </xsl:choose>
      </id>
      <!-- The same notification with persons, or with other ones, is another version of it. -->
      <version>
        <xsl:value-of select="$when"/>
        <xsl:if test="$attributes != ''"><xsl:value-of select="concat(' ', kw:id($attributes))"/></xsl:if>
      </version>
      <xsl:variable name="instant" select="kw:instant($stamp)"/>
      <xsl:if test="$instant != ''"><recordedAt><xsl:value-of select="$instant"/></recordedAt></xsl:if>
      <rawFormat><xsl:value-of select="$mapping-id"/></rawFormat>
      <rawHash><xsl:value-of select="$raw-hash"/></rawHash>
      <xsl:if test="$message-id != ''"><exchangeId><xsl:value-of select="$message-id"/></exchangeId></xsl:if>
      <mapping>
        <id><xsl:value-of select="$mapping-id"/></id>
        <version><xsl:value-of select="$mapping-version"/></version>
      </mapping>
    </sourceRecord>
  </xsl:template>

  <!-- OSIA notifies of an event and does not say whether its registration is final: nothing more than notified. -->
  <xsl:template name="record">
    <xsl:param name="message"/>
    <xsl:variable name="source" select="kw:text($message/j:string[@key = 'source'])"/>
    <record>
      <xsl:call-template name="source-record"><xsl:with-param name="message" select="$message"/></xsl:call-template>
      <eventType><xsl:value-of select="kw:code('event-type', $topic)"/></eventType>
      <status>notified</status>
      <event><date><absentReason>not_recorded</absentReason></date></event>
      <xsl:if test="$source != ''"><registration><office><id><xsl:value-of select="$source"/></id></office></registration></xsl:if>
      <xsl:variable name="subject">
        <xsl:choose>
          <xsl:when test="$topic = 'death'">deceased</xsl:when>
          <xsl:when test="$topic = 'foetalDeath'">foetus</xsl:when>
          <xsl:otherwise>child</xsl:otherwise>
        </xsl:choose>
      </xsl:variable>
      <xsl:variable name="other">
        <xsl:choose>
          <xsl:when test="$topic = 'marriage' or $topic = 'separation'">spouse</xsl:when>
          <xsl:when test="$topic = 'divorce' or $topic = 'annulment'">former_spouse</xsl:when>
          <xsl:when test="$topic = 'adoption'">adoptive_parent</xsl:when>
          <xsl:otherwise>parent</xsl:otherwise>
        </xsl:choose>
      </xsl:variable>
      <xsl:for-each select="$message/j:string[@key = 'uin' or @key = 'uin1' or @key = 'uin2'][kw:text(.) != '']">
        <xsl:choose>
          <xsl:when test="@key = 'uin'">
            <party id="{$subject}"><xsl:call-template name="person"><xsl:with-param name="role" select="string($subject)"/></xsl:call-template></party>
          </xsl:when>
          <xsl:otherwise>
            <party>
              <xsl:call-template name="person"><xsl:with-param name="role" select="string($other)"/></xsl:call-template>
              <xsl:if test="$other = 'parent'"><relationship to="{$subject}"><type>parent</type><basis>declared</basis></relationship></xsl:if>
              <xsl:if test="$other = 'adoptive_parent'"><relationship to="{$subject}"><type>adoptive_parent</type><basis>adoptive</basis></relationship></xsl:if>
            </party>
          </xsl:otherwise>
        </xsl:choose>
      </xsl:for-each>
      <xsl:if test="$topic = 'birthCancellation'">
        <voiding><reason>unknown</reason><voidedEventType>live_birth</voidedEventType></voiding>
        <voids><id><xsl:value-of select="concat('liveBirth-', kw:text($message/j:string[@key = 'uin']))"/></id></voids>
      </xsl:if>
      <handling>
        <classification>
          <xsl:choose>
            <xsl:when test="$topic = 'adoption'">confidential</xsl:when>
            <xsl:otherwise>restricted</xsl:otherwise>
          </xsl:choose>
        </classification>
        <xsl:if test="$profile != ''"><redactionProfile><xsl:value-of select="$profile"/></redactionProfile></xsl:if>
      </handling>
    </record>
  </xsl:template>

  <xsl:template name="attribute">
    <xsl:param name="element"/>
    <xsl:param name="value"/>
    <xsl:if test="kw:name($value) != ''"><xsl:element name="{$element}"><xsl:value-of select="kw:name($value)"/></xsl:element></xsl:if>
  </xsl:template>

  <!-- The children of a party from its UIN in the context. Attributes have no standard names; these are those of OSIA's own examples. -->
  <xsl:template name="person">
    <xsl:param name="role"/>
    <xsl:variable name="uin" select="kw:text(.)"/>
    <xsl:variable name="person" select="$persons[@key = $uin]"/>
    <xsl:variable name="mapped" select="' firstName middleName lastName gender dateOfBirth dob dateOfDeath nationality '"/>
    <xsl:for-each select="$person/*">
      <xsl:choose>
        <xsl:when test="self::j:map[*[@key = 'code']]"><xsl:value-of select="kw:warn('attribute-error', 'person')"/></xsl:when>
        <xsl:when test="not(contains($mapped, concat(' ', @key, ' ')))"><xsl:value-of select="kw:warn('attribute-not-mapped', 'person')"/></xsl:when>
      </xsl:choose>
    </xsl:for-each>
    <role><xsl:value-of select="$role"/></role>
    <xsl:if test="kw:name(concat($person/j:string[@key = 'firstName'], $person/j:string[@key = 'middleName'], $person/j:string[@key = 'lastName'])) != ''">
      <name use="registered">
        <xsl:variable name="script" select="kw:script(concat($person/j:string[@key = 'firstName'], $person/j:string[@key = 'lastName']))"/>
        <xsl:if test="$script != 'Zyyy'"><xsl:attribute name="script"><xsl:value-of select="$script"/></xsl:attribute></xsl:if>
        <xsl:call-template name="attribute"><xsl:with-param name="element" select="'givenName'"/><xsl:with-param name="value" select="$person/j:string[@key = 'firstName']"/></xsl:call-template>
        <xsl:call-template name="attribute"><xsl:with-param name="element" select="'givenName'"/><xsl:with-param name="value" select="$person/j:string[@key = 'middleName']"/></xsl:call-template>
        <xsl:call-template name="attribute"><xsl:with-param name="element" select="'familyName'"/><xsl:with-param name="value" select="$person/j:string[@key = 'lastName']"/></xsl:call-template>
      </name>
    </xsl:if>
    <identifier>
      <type>uin</type>
      <value><xsl:value-of select="$uin"/></value>
      <xsl:if test="$own-country != ''"><issuingCountry><xsl:value-of select="$own-country"/></issuingCountry></xsl:if>
    </identifier>
    <xsl:copy-of select="kw:coded('sex', 'sex', $person/j:string[@key = 'gender'], 'osia')"/>
    <xsl:variable name="born" select="kw:text($person/j:string[@key = 'dateOfBirth' or @key = 'dob'])"/>
    <xsl:if test="$born != ''"><dateOfBirth><xsl:copy-of select="kw:date($born)"/></dateOfBirth></xsl:if>
    <xsl:variable name="died" select="kw:text($person/j:string[@key = 'dateOfDeath'])"/>
    <xsl:if test="$died != ''"><dateOfDeath><xsl:copy-of select="kw:date($died)"/></dateOfDeath></xsl:if>
    <xsl:copy-of select="kw:coded('citizenship', 'citizenship', $person/j:string[@key = 'nationality'], 'osia')"/>
  </xsl:template>
</xsl:stylesheet>
