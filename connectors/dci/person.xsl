<?xml version="1.0" encoding="UTF-8"?>
<!-- SPDX-License-Identifier: Apache-2.0 -->
<!--
  person.xsl - persons of DCI CRVS 1.0 (search responses, notifications) to common records.

  DCI has persons, no events: a person with a date of birth is one record of a birth, with a date of death one more, with dates of
  marriage and divorce one for each. Nothing says when any of them was registered. "" and {} count as absent: the published samples
  have them for everything that they leave out.
-->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:kw="urn:kinward:mapping:1"
  xmlns:j="http://www.w3.org/2005/xpath-functions" xmlns="urn:kinward:record:1" exclude-result-prefixes="kw j">
  <kw:mapping id="dci-crvs" version="1" format="json"/>

  <xsl:param name="registry" select="'dci'"/>
  <xsl:param name="system" select="'dci'"/>
  <xsl:param name="jurisdiction" select="'ZZ'"/>
  <xsl:param name="mapping-id"/>
  <xsl:param name="mapping-version"/>
  <xsl:param name="profile"/>

  <xsl:variable name="own-country">
    <xsl:if test="$jurisdiction != 'ZZ'"><xsl:value-of select="$jurisdiction"/></xsl:if>
  </xsl:variable>
  <xsl:variable name="message" select="/j:map/j:map[@key = 'message']"/>

  <xsl:template match="/">
    <records>
      <xsl:choose>
        <xsl:when test="not($message)"><xsl:message terminate="yes">there is no DCI message in the document</xsl:message></xsl:when>
        <xsl:when test="$message/j:array[@key = 'search_response' or @key = 'notify_event']">
          <xsl:apply-templates select="$message/j:array[@key = 'search_response' or @key = 'notify_event']/j:map/j:map[@key = 'data']"/>
        </xsl:when>
        <!-- Requests, subscriptions and acknowledgements say nothing about anybody. -->
        <xsl:when test="$message/*[@key = 'search_request' or @key = 'ack_status' or @key = 'subscribe_request' or @key = 'subscribe_response' or @key = 'unsubscribe_request' or @key = 'unsubscribe_response' or @key = 'txnstatus_request' or @key = 'txnstatus_response']"/>
        <xsl:otherwise><xsl:message terminate="yes">the DCI message is of no known kind</xsl:message></xsl:otherwise>
      </xsl:choose>
    </records>
  </xsl:template>

  <xsl:template match="j:map[@key = 'data']">
    <xsl:for-each select="j:array[@key = 'reg_records']/j:map[*] | j:map[@key = 'reg_records'][*]">
      <xsl:variable name="type" select="j:string[@key = '@type']"/>
      <xsl:if test="$type != '' and not(contains($type, 'Person'))">
        <xsl:message terminate="yes">a record of the DCI message is no person</xsl:message>
      </xsl:if>
      <xsl:call-template name="person"/>
    </xsl:for-each>
  </xsl:template>

  <!-- An identifier of the person in the context, by its type. -->
  <xsl:template name="number">
    <xsl:param name="type"/>
    <xsl:value-of select="kw:text(j:array[@key = 'identifier']/j:map[kw:upper(j:string[@key = 'identifier_type']) = $type][1]/j:string[@key = 'identifier_value'])"/>
  </xsl:template>

  <xsl:template name="person">
    <xsl:variable name="content">
      <xsl:for-each select="descendant::*[not(*) and . != '' and not(starts-with(@key, '@'))]"><xsl:value-of select="concat(name(..), ../@key, '/', @key, '=', ., '&#10;')"/></xsl:for-each>
    </xsl:variable>
    <xsl:variable name="version" select="kw:id($content, $mapping-version)"/>
    <xsl:variable name="uin"><xsl:call-template name="number"><xsl:with-param name="type" select="'UIN'"/></xsl:call-template></xsl:variable>
    <xsl:variable name="brn"><xsl:call-template name="number"><xsl:with-param name="type" select="'BRN'"/></xsl:call-template></xsl:variable>
    <xsl:variable name="drn"><xsl:call-template name="number"><xsl:with-param name="type" select="'DRN'"/></xsl:call-template></xsl:variable>
    <xsl:variable name="mrn"><xsl:call-template name="number"><xsl:with-param name="type" select="'MRN'"/></xsl:call-template></xsl:variable>
    <xsl:variable name="marriages" select="j:array[@key = 'marriage_date']/j:string[kw:text(.) != ''] | j:string[@key = 'marriage_date'][kw:text(.) != '']"/>
    <xsl:variable name="divorces" select="j:array[@key = 'divorce_date']/j:string[kw:text(.) != ''] | j:string[@key = 'divorce_date'][kw:text(.) != '']"/>
    <xsl:variable name="died" select="kw:text(j:string[@key = 'death_date']) != '' or $drn != ''"/>
    <xsl:variable name="person" select="."/>
    <xsl:variable name="who">
      <xsl:choose>
        <xsl:when test="$uin != ''"><xsl:value-of select="$uin"/></xsl:when>
        <xsl:when test="$brn != ''"><xsl:value-of select="$brn"/></xsl:when>
        <xsl:when test="$drn != ''"><xsl:value-of select="$drn"/></xsl:when>
        <xsl:when test="$mrn != ''"><xsl:value-of select="$mrn"/></xsl:when>
        <xsl:otherwise><xsl:value-of select="$version"/></xsl:otherwise>
      </xsl:choose>
    </xsl:variable>
    <xsl:if test="kw:text(j:string[@key = 'birth_date']) != '' or $brn != '' or not($died or $marriages or $divorces)">
      <xsl:call-template name="record">
        <xsl:with-param name="id" select="concat('birth-', $who)"/>
        <xsl:with-param name="version" select="$version"/>
        <xsl:with-param name="event" select="'live_birth'"/>
        <xsl:with-param name="role" select="'child'"/>
        <xsl:with-param name="number" select="string($brn)"/>
        <xsl:with-param name="date" select="j:string[@key = 'birth_date']"/>
        <xsl:with-param name="place" select="j:map[@key = 'birth_place']"/>
      </xsl:call-template>
    </xsl:if>
    <xsl:if test="$died">
      <xsl:call-template name="record">
        <xsl:with-param name="id" select="concat('death-', $who)"/>
        <xsl:with-param name="version" select="$version"/>
        <xsl:with-param name="event" select="'death'"/>
        <xsl:with-param name="role" select="'deceased'"/>
        <xsl:with-param name="number" select="string($drn)"/>
        <xsl:with-param name="date" select="j:string[@key = 'death_date']"/>
        <xsl:with-param name="place" select="j:map[@key = 'death_place']"/>
      </xsl:call-template>
    </xsl:if>
    <!-- With several dates nothing tells to which of them a marriage registration number belongs. -->
    <xsl:for-each select="$marriages">
      <xsl:variable name="date" select="."/>
      <xsl:for-each select="$person">
        <xsl:call-template name="record">
          <xsl:with-param name="id" select="concat('marriage-', $who, '-', substring($date, 1, 10))"/>
          <xsl:with-param name="version" select="$version"/>
          <xsl:with-param name="event" select="'marriage'"/>
          <xsl:with-param name="role" select="'spouse'"/>
          <xsl:with-param name="number"><xsl:if test="count($marriages) = 1"><xsl:value-of select="$mrn"/></xsl:if></xsl:with-param>
          <xsl:with-param name="date" select="$date"/>
        </xsl:call-template>
      </xsl:for-each>
    </xsl:for-each>
    <xsl:for-each select="$divorces">
      <xsl:variable name="date" select="."/>
      <xsl:for-each select="$person">
        <xsl:call-template name="record">
          <xsl:with-param name="id" select="concat('divorce-', $who, '-', substring($date, 1, 10))"/>
          <xsl:with-param name="version" select="$version"/>
          <xsl:with-param name="event" select="'divorce'"/>
          <xsl:with-param name="role" select="'former_spouse'"/>
          <xsl:with-param name="date" select="$date"/>
        </xsl:call-template>
      </xsl:for-each>
    </xsl:for-each>
  </xsl:template>

  <!--
    A registration number proves a registration; without one DCI does not say whether there is any. Whoever asks twice gets the same
    person in another message: nothing of the message may stand in the record, or one version would have two contents.
  -->
  <xsl:template name="record">
    <xsl:param name="id"/>
    <xsl:param name="version"/>
    <xsl:param name="event"/>
    <xsl:param name="role"/>
    <xsl:param name="number"/>
    <xsl:param name="date"/>
    <xsl:param name="place" select="/.."/>
    <record>
      <sourceRecord>
        <registry><xsl:value-of select="$registry"/></registry>
        <system><xsl:value-of select="$system"/></system>
        <jurisdiction><xsl:value-of select="$jurisdiction"/></jurisdiction>
        <id><xsl:value-of select="$id"/></id>
        <version><xsl:value-of select="$version"/></version>
        <rawFormat><xsl:value-of select="$mapping-id"/></rawFormat>
        <mapping>
          <id><xsl:value-of select="$mapping-id"/></id>
          <version><xsl:value-of select="$mapping-version"/></version>
        </mapping>
      </sourceRecord>
      <eventType><xsl:value-of select="$event"/></eventType>
      <status>
        <xsl:choose>
          <xsl:when test="$number != ''">registered</xsl:when>
          <xsl:otherwise>unknown</xsl:otherwise>
        </xsl:choose>
      </status>
      <event>
        <date>
          <xsl:choose>
            <xsl:when test="kw:text($date) != ''"><xsl:copy-of select="kw:date($date)"/></xsl:when>
            <xsl:otherwise><absentReason>not_recorded</absentReason></xsl:otherwise>
          </xsl:choose>
        </date>
        <xsl:call-template name="place"><xsl:with-param name="element" select="'place'"/><xsl:with-param name="place" select="$place"/></xsl:call-template>
      </event>
      <xsl:if test="$number != ''"><registration><number><xsl:value-of select="$number"/></number></registration></xsl:if>
      <party id="{$role}">
        <role><xsl:value-of select="$role"/></role>
        <xsl:call-template name="party"><xsl:with-param name="event" select="$event"/></xsl:call-template>
      </party>
      <xsl:call-template name="parent"><xsl:with-param name="of" select="$role"/><xsl:with-param name="parent" select="j:map[@key = 'parent1_identifier']"/></xsl:call-template>
      <xsl:call-template name="parent"><xsl:with-param name="of" select="$role"/><xsl:with-param name="parent" select="j:map[@key = 'parent2_identifier']"/></xsl:call-template>
      <handling>
        <classification>restricted</classification>
        <xsl:if test="$profile != ''"><redactionProfile><xsl:value-of select="$profile"/></redactionProfile></xsl:if>
      </handling>
    </record>
  </xsl:template>

  <xsl:template name="text">
    <xsl:param name="element"/>
    <xsl:param name="value"/>
    <xsl:if test="kw:text($value) != ''"><xsl:element name="{$element}"><xsl:value-of select="kw:text($value)"/></xsl:element></xsl:if>
  </xsl:template>

  <xsl:template name="identifier">
    <xsl:param name="of"/>
    <xsl:if test="kw:text($of/j:string[@key = 'identifier_value']) != ''">
      <identifier>
        <xsl:choose>
          <xsl:when test="kw:text($of/j:string[@key = 'identifier_type']) = ''"><type>unknown</type></xsl:when>
          <xsl:otherwise><xsl:copy-of select="kw:coded('type', 'identifier-type', $of/j:string[@key = 'identifier_type'], 'https://schema.spdci.org/core/v1/code/IdentifierTypeEnum')"/></xsl:otherwise>
        </xsl:choose>
        <value><xsl:value-of select="kw:text($of/j:string[@key = 'identifier_value'])"/></value>
        <xsl:if test="$own-country != ''"><issuingCountry><xsl:value-of select="$own-country"/></issuingCountry></xsl:if>
      </identifier>
    </xsl:if>
  </xsl:template>

  <!-- The children of the person's party, from the person in the context. -->
  <xsl:template name="party">
    <xsl:param name="event"/>
    <xsl:variable name="name" select="j:map[@key = 'name']"/>
    <xsl:variable name="given" select="$name/j:string[(@key = 'given_name' or @key = 'second_name') and kw:name(.) != '']"/>
    <xsl:variable name="family" select="kw:name($name/j:string[@key = 'surname'])"/>
    <xsl:variable name="maiden" select="kw:name($name/j:string[@key = 'maiden_name'])"/>
    <xsl:if test="$given or $family != ''">
      <name use="registered">
        <xsl:variable name="script" select="kw:script(concat($given, $family))"/>
        <xsl:if test="$script != 'Zyyy'"><xsl:attribute name="script"><xsl:value-of select="$script"/></xsl:attribute></xsl:if>
        <xsl:for-each select="$given"><givenName><xsl:value-of select="kw:name(.)"/></givenName></xsl:for-each>
        <xsl:if test="$family != ''"><familyName><xsl:value-of select="$family"/></familyName></xsl:if>
        <xsl:call-template name="text"><xsl:with-param name="element" select="'prefix'"/><xsl:with-param name="value" select="$name/j:string[@key = 'prefix']"/></xsl:call-template>
        <xsl:call-template name="text"><xsl:with-param name="element" select="'suffix'"/><xsl:with-param name="value" select="$name/j:string[@key = 'suffix']"/></xsl:call-template>
      </name>
    </xsl:if>
    <xsl:if test="$maiden != ''"><name use="birth"><familyName><xsl:value-of select="$maiden"/></familyName></name></xsl:if>
    <xsl:for-each select="j:array[@key = 'identifier']/j:map">
      <xsl:call-template name="identifier"><xsl:with-param name="of" select="."/></xsl:call-template>
    </xsl:for-each>
    <xsl:copy-of select="kw:coded('sex', 'sex', j:string[@key = 'sex'], 'https://schema.spdci.org/core/v1/code/SexCategoryEnum')"/>
    <xsl:if test="kw:text(j:string[@key = 'birth_date']) != ''"><dateOfBirth><xsl:copy-of select="kw:date(j:string[@key = 'birth_date'])"/></dateOfBirth></xsl:if>
    <xsl:call-template name="place"><xsl:with-param name="element" select="'placeOfBirth'"/><xsl:with-param name="place" select="j:map[@key = 'birth_place']"/></xsl:call-template>
    <xsl:if test="kw:text(j:string[@key = 'death_date']) != ''"><dateOfDeath><xsl:copy-of select="kw:date(j:string[@key = 'death_date'])"/></dateOfDeath></xsl:if>
    <xsl:call-template name="place"><xsl:with-param name="element" select="'placeOfDeath'"/><xsl:with-param name="place" select="j:map[@key = 'death_place']"/></xsl:call-template>
    <xsl:if test="$event = 'death'"><deceased>true</deceased></xsl:if>
    <xsl:copy-of select="kw:coded('maritalStatus', 'marital-status', j:string[@key = 'marital_status'], 'https://schema.spdci.org/core/v1/code/MaritalStatusEnum')"/>
    <xsl:for-each select="j:array[@key = 'address']/j:map"><xsl:call-template name="address"/></xsl:for-each>
    <xsl:for-each select="(j:array[@key = 'phone_number' or @key = 'email']/j:string | j:string[@key = 'phone_number' or @key = 'email'])[kw:text(.) != '']">
      <contact>
        <type>
          <xsl:choose>
            <xsl:when test="@key = 'email' or ../@key = 'email'">email</xsl:when>
            <xsl:otherwise>phone</xsl:otherwise>
          </xsl:choose>
        </type>
        <value><xsl:value-of select="kw:text(.)"/></value>
      </contact>
    </xsl:for-each>
  </xsl:template>

  <!-- A person who is their own parent is a fault of the registry: it is warned of, and no parent is made of it. -->
  <xsl:template name="parent">
    <xsl:param name="of"/>
    <xsl:param name="parent"/>
    <xsl:variable name="type" select="string($parent/j:string[@key = 'identifier_type'])"/>
    <xsl:variable name="value" select="kw:text($parent/j:string[@key = 'identifier_value'])"/>
    <xsl:choose>
      <xsl:when test="$value = ''"/>
      <xsl:when test="j:array[@key = 'identifier']/j:map[j:string[@key = 'identifier_type'] = $type and kw:text(j:string[@key = 'identifier_value']) = $value]">
        <xsl:value-of select="kw:warn('parent-is-self', $parent/@key)"/>
      </xsl:when>
      <xsl:otherwise>
        <party>
          <role>parent</role>
          <xsl:call-template name="identifier"><xsl:with-param name="of" select="$parent"/></xsl:call-template>
          <relationship to="{$of}"><type>parent</type><basis>unknown</basis></relationship>
        </party>
      </xsl:otherwise>
    </xsl:choose>
  </xsl:template>

  <xsl:template name="place">
    <xsl:param name="element"/>
    <xsl:param name="place"/>
    <xsl:variable name="whole" select="$place/j:map[@key = 'contained_in_place']/j:string[@key = 'name'] | $place/j:string[@key = 'contained_in_place']"/>
    <xsl:variable name="latitude" select="kw:text($place/j:map[@key = 'geo']/*[@key = 'latitude'])"/>
    <xsl:variable name="longitude" select="kw:text($place/j:map[@key = 'geo']/*[@key = 'longitude'])"/>
    <xsl:variable name="line" select="kw:text($place/j:string[@key = 'address_line' or @key = 'address'][. != ''])"/>
    <xsl:if test="kw:text(concat($place/j:string[@key = 'name'], $whole, $line, $latitude)) != ''">
      <xsl:element name="{$element}">
        <xsl:call-template name="text"><xsl:with-param name="element" select="'geographicName'"/><xsl:with-param name="value" select="$place/j:string[@key = 'name']"/></xsl:call-template>
        <xsl:call-template name="text"><xsl:with-param name="element" select="'geographicName'"/><xsl:with-param name="value" select="$whole"/></xsl:call-template>
        <xsl:if test="$line != ''"><address><fullAddress><xsl:value-of select="$line"/></fullAddress></address></xsl:if>
        <xsl:choose>
          <xsl:when test="concat($latitude, $longitude) = ''"/>
          <xsl:when test="$latitude &gt;= -90 and $latitude &lt;= 90 and $longitude &gt;= -180 and $longitude &lt;= 180 and string-length(substring-after($latitude, '.')) &lt; 8 and string-length(substring-after($longitude, '.')) &lt; 8">
            <latitude><xsl:value-of select="$latitude"/></latitude>
            <longitude><xsl:value-of select="$longitude"/></longitude>
          </xsl:when>
          <xsl:otherwise><xsl:value-of select="kw:warn('position-not-read', $element)"/></xsl:otherwise>
        </xsl:choose>
      </xsl:element>
    </xsl:if>
  </xsl:template>

  <!-- DCI does not say which of the addresses is the usual residence. -->
  <xsl:template name="address">
    <xsl:variable name="first" select="kw:text(j:string[@key = 'address_line1' or @key = 'address_line_1'])"/>
    <xsl:variable name="second" select="kw:text(j:string[@key = 'address_line2' or @key = 'address_line_2'])"/>
    <xsl:if test="kw:text(concat($first, $second, j:string[@key = 'locality'], j:string[@key = 'sub_region_code'], j:string[@key = 'region_code'], j:string[@key = 'postal_code'], j:string[@key = 'country_code'])) != ''">
      <address>
        <xsl:if test="concat($first, $second) != ''">
          <fullAddress>
            <xsl:value-of select="$first"/>
            <xsl:if test="$first != '' and $second != ''">, </xsl:if>
            <xsl:value-of select="$second"/>
          </fullAddress>
        </xsl:if>
        <xsl:call-template name="text"><xsl:with-param name="element" select="'postName'"/><xsl:with-param name="value" select="j:string[@key = 'locality']"/></xsl:call-template>
        <xsl:call-template name="text"><xsl:with-param name="element" select="'postCode'"/><xsl:with-param name="value" select="j:string[@key = 'postal_code']"/></xsl:call-template>
        <xsl:call-template name="text"><xsl:with-param name="element" select="'localCode'"/><xsl:with-param name="value" select="j:string[@key = 'sub_region_code']"/></xsl:call-template>
        <xsl:call-template name="text"><xsl:with-param name="element" select="'localCode'"/><xsl:with-param name="value" select="j:string[@key = 'region_code']"/></xsl:call-template>
        <xsl:copy-of select="kw:coded('country', 'country', j:string[@key = 'country_code'], 'urn:iso:std:iso:3166')"/>
      </address>
    </xsl:if>
  </xsl:template>
</xsl:stylesheet>
