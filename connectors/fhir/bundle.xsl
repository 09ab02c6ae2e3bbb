<?xml version="1.0" encoding="UTF-8"?>
<!-- SPDX-License-Identifier: Apache-2.0 -->
<!--
  bundle.xsl - the Bundles of BFDR and VRDR (HL7 FHIR R4): documents, and messages that carry one, void a run of certificates or
  add aliases. Acknowledgements, errors and states of other messages give no record. README.md in this folder has the fields.
-->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:kw="urn:kinward:mapping:1"
  xmlns:j="http://www.w3.org/2005/xpath-functions" xmlns:f="http://hl7.org/fhir" xmlns="urn:kinward:record:1"
  exclude-result-prefixes="kw j f">
  <xsl:include href="paths.xsl"/>
  <xsl:include href="values.xsl"/>
  <xsl:include href="parties.xsl"/>
  <xsl:include href="details.xsl"/>

  <xsl:param name="registry" select="'fhir'"/>
  <xsl:param name="system" select="'fhir'"/>
  <xsl:param name="jurisdiction" select="'ZZ'"/>
  <xsl:param name="raw-hash"/>
  <xsl:param name="mapping-id"/>
  <xsl:param name="mapping-version"/>
  <xsl:param name="profile"/>

  <xsl:variable name="bundle" select="/j:map[j:string[@key = 'resourceType'] = 'Bundle'] | /f:Bundle"/>
  <xsl:variable name="header" select="key('resource', concat(generate-id($bundle), '/MessageHeader'))[1]"/>
  <xsl:variable name="message" select="substring-after(key('at', concat(generate-id($header), '/eventUri')), 'http://nchs.cdc.gov/')"/>
  <xsl:variable name="parameters" select="key('resource', concat(generate-id($bundle), '/Parameters'))[1]"/>
  <xsl:variable name="document" select="$bundle[key('at', concat(generate-id(), '/type')) = 'document'] | key('resource', concat(generate-id($bundle), '/Bundle'))[1]"/>
  <xsl:variable name="composition" select="key('resource', concat(generate-id($document), '/Composition'))[1]"/>
  <xsl:variable name="stamp" select="string(key('at', concat(generate-id($bundle), '/timestamp')))"/>

  <xsl:variable name="form" select="string(key('at', concat(generate-id($composition), '/type/coding/code')))"/>
  <xsl:variable name="event">
    <xsl:choose>
      <xsl:when test="$form = '92011-6' or $form = '68998-4'">live_birth</xsl:when>
      <xsl:when test="$form = '92010-8' or $form = '69045-3'">foetal_death</xsl:when>
      <xsl:when test="$form = '64297-5'">death</xsl:when>
      <xsl:when test="starts-with($message, 'birth')">live_birth</xsl:when>
      <xsl:when test="starts-with($message, 'fetal') or starts-with($message, 'fd_')">foetal_death</xsl:when>
      <xsl:when test="starts-with($message, 'vrdr')">death</xsl:when>
    </xsl:choose>
  </xsl:variable>

  <xsl:template match="/">
    <records>
      <xsl:choose>
        <xsl:when test="not($bundle)"><xsl:message terminate="yes">the document is no FHIR Bundle</xsl:message></xsl:when>
        <xsl:when test="key('at', concat(generate-id($bundle), '/type')) = 'document'"><xsl:call-template name="report"/></xsl:when>
        <xsl:when test="not($header)"><xsl:message terminate="yes">the Bundle is neither a document nor a message</xsl:message></xsl:when>
        <xsl:when test="contains($message, '_acknowledgement') or contains($message, '_extraction_error') or contains($message, '_status') or contains($message, '_coding')"/>
        <xsl:when test="$event = ''"><xsl:message terminate="yes">the message is of no birth, foetal death or death</xsl:message></xsl:when>
        <xsl:when test="contains($message, '_submission_void')"><xsl:call-template name="void"/></xsl:when>
        <xsl:when test="contains($message, '_submission')"><xsl:call-template name="report"/></xsl:when>
        <xsl:when test="contains($message, '_alias')"><xsl:call-template name="alias"/></xsl:when>
        <xsl:otherwise><xsl:message terminate="yes">the message's eventUri is not known</xsl:message></xsl:otherwise>
      </xsl:choose>
    </records>
  </xsl:template>

  <!-- Year, jurisdiction and certificate number of six digits are what names a certificate everywhere; some write fewer digits. -->
  <xsl:template name="certificate">
    <xsl:param name="year"/>
    <xsl:param name="place"/>
    <xsl:param name="number"/>
    <xsl:choose>
      <xsl:when test="string-length($number) &lt; 6 and translate($number, '0123456789', '') = ''">
        <xsl:value-of select="concat($year, $place, format-number($number, '000000'))"/>
      </xsl:when>
      <xsl:otherwise><xsl:value-of select="concat($year, $place, $number)"/></xsl:otherwise>
    </xsl:choose>
  </xsl:template>

  <xsl:template name="parameter">
    <xsl:param name="name"/>
    <xsl:variable name="found" select="key('at', concat(generate-id($parameters), '/parameter'))[key('at', concat(generate-id(), '/name')) = $name][1]"/>
    <xsl:value-of select="kw:text(key('at', concat(generate-id($found), '/valueUnsignedInt')) | key('at', concat(generate-id($found), '/valueString')) | key('at', concat(generate-id($found), '/valuePositiveInt')))"/>
  </xsl:template>

  <xsl:template name="parameter-year">
    <xsl:variable name="year"><xsl:call-template name="parameter"><xsl:with-param name="name" select="'event_year'"/></xsl:call-template></xsl:variable>
    <xsl:choose>
      <xsl:when test="$year != ''"><xsl:value-of select="$year"/></xsl:when>
      <xsl:otherwise><xsl:call-template name="parameter"><xsl:with-param name="name" select="'death_year'"/></xsl:call-template></xsl:otherwise>
    </xsl:choose>
  </xsl:template>

  <!-- The certificate that the message's own parameters name, its number counted on by "step". -->
  <xsl:template name="parameter-certificate">
    <xsl:param name="step" select="0"/>
    <xsl:variable name="number"><xsl:call-template name="parameter"><xsl:with-param name="name" select="'cert_no'"/></xsl:call-template></xsl:variable>
    <xsl:if test="not(number($number) &gt;= 0)"><xsl:message terminate="yes">the message has no certificate number</xsl:message></xsl:if>
    <xsl:call-template name="certificate">
      <xsl:with-param name="year"><xsl:call-template name="parameter-year"/></xsl:with-param>
      <xsl:with-param name="place"><xsl:call-template name="parameter"><xsl:with-param name="name" select="'jurisdiction_id'"/></xsl:call-template></xsl:with-param>
      <xsl:with-param name="number" select="string(number($number) + $step)"/>
    </xsl:call-template>
  </xsl:template>

  <!-- The time of a message tells the order of versions, its id whether it was there before. -->
  <xsl:template name="source-record">
    <xsl:param name="id"/>
    <xsl:variable name="exchange" select="kw:text(key('at', concat(generate-id($header), '/id')))"/>
    <sourceRecord>
      <registry><xsl:value-of select="$registry"/></registry>
      <system><xsl:value-of select="$system"/></system>
      <jurisdiction><xsl:value-of select="$jurisdiction"/></jurisdiction>
      <id><xsl:value-of select="$id"/></id>
      <version>
        <xsl:choose>
          <xsl:when test="$stamp != ''"><xsl:value-of select="$stamp"/></xsl:when>
          <xsl:when test="$exchange != ''"><xsl:value-of select="$exchange"/></xsl:when>
          <xsl:otherwise><xsl:value-of select="key('at', concat(generate-id($bundle), '/id'))"/></xsl:otherwise>
        </xsl:choose>
      </version>
      <xsl:variable name="instant" select="kw:instant($stamp)"/>
      <xsl:if test="$instant != ''"><recordedAt><xsl:value-of select="$instant"/></recordedAt></xsl:if>
      <rawFormat><xsl:value-of select="$mapping-id"/></rawFormat>
      <rawHash><xsl:value-of select="$raw-hash"/></rawHash>
      <xsl:if test="$exchange != ''"><exchangeId><xsl:value-of select="$exchange"/></exchangeId></xsl:if>
      <mapping>
        <id><xsl:value-of select="$mapping-id"/></id>
        <version><xsl:value-of select="$mapping-version"/></version>
      </mapping>
    </sourceRecord>
  </xsl:template>

  <xsl:template name="handling">
    <handling>
      <classification>restricted</classification>
      <xsl:if test="$profile != ''"><redactionProfile><xsl:value-of select="$profile"/></redactionProfile></xsl:if>
    </handling>
  </xsl:template>

  <!-- A document: a new entry, or a new version of one where the message or the certificate says so. -->
  <xsl:template name="report">
    <xsl:variable name="value" select="kw:text(key('at', concat(generate-id($document), '/identifier/value')))"/>
    <xsl:variable name="number" select="substring($value, 7)"/>
    <xsl:variable name="id">
      <xsl:call-template name="certificate">
        <xsl:with-param name="year" select="substring($value, 1, 4)"/>
        <xsl:with-param name="place" select="substring($value, 5, 2)"/>
        <xsl:with-param name="number" select="$number"/>
      </xsl:call-template>
    </xsl:variable>
    <xsl:choose>
      <xsl:when test="not($composition)"><xsl:message terminate="yes">the document has no Composition</xsl:message></xsl:when>
      <xsl:when test="$event = ''"><xsl:message terminate="yes">the Composition is of no birth, foetal death or death</xsl:message></xsl:when>
      <xsl:when test="$value = ''"><xsl:message terminate="yes">the document has no identifier</xsl:message></xsl:when>
    </xsl:choose>
    <xsl:if test="$parameters">
      <xsl:variable name="named"><xsl:call-template name="parameter-certificate"/></xsl:variable>
      <xsl:if test="$named != $id"><xsl:value-of select="kw:warn('certificate-differs', 'Parameters')"/></xsl:if>
    </xsl:if>
    <xsl:variable name="extension" select="key('extension', concat(generate-id($composition), '/ReplaceStatus'))"/>
    <xsl:variable name="replaces" select="string(key('at', concat(generate-id($extension), '/valueCodeableConcept/coding/code')))"/>
    <xsl:variable name="state" select="kw:text(key('at', concat(generate-id($composition), '/status')))"/>
    <xsl:variable name="is-update" select="contains($message, '_submission_update') or starts-with($replaces, 'updated') or $state = 'amended' or $state = 'corrected'"/>
    <xsl:variable name="subject"><xsl:call-template name="subject-role"/></xsl:variable>
    <record>
      <xsl:call-template name="source-record"><xsl:with-param name="id" select="string($id)"/></xsl:call-template>
      <eventType><xsl:value-of select="$event"/></eventType>
      <status>
        <xsl:choose>
          <xsl:when test="$state = 'entered-in-error'">voided</xsl:when>
          <xsl:when test="$form = '68998-4' or $form = '69045-3'">notified</xsl:when>
          <xsl:when test="$state != 'final' and not($is-update)">declared</xsl:when>
          <xsl:when test="$is-update">amended</xsl:when>
          <xsl:otherwise>registered</xsl:otherwise>
        </xsl:choose>
      </status>
      <xsl:call-template name="event"/>
      <registration>
        <xsl:call-template name="date"><xsl:with-param name="element" select="'date'"/><xsl:with-param name="of" select="$composition"/><xsl:with-param name="name" select="'date'"/></xsl:call-template>
        <number><xsl:value-of select="$value"/></number>
        <office><id><xsl:value-of select="substring($value, 5, 2)"/></id></office>
        <sourceStatus>
          <xsl:value-of select="$state"/>
          <xsl:if test="$replaces != ''"><xsl:value-of select="concat(', ', $replaces)"/></xsl:if>
        </sourceStatus>
        <xsl:variable name="identifier" select="key('at', concat(generate-id($document), '/identifier'))"/>
        <xsl:for-each select="key('extension', concat(generate-id($identifier), '/CertificateNumber')) | key('extension', concat(generate-id($identifier), '/AuxiliaryStateIdentifier1')) | key('extension', concat(generate-id($identifier), '/AuxiliaryStateIdentifier2'))">
          <xsl:variable name="url" select="key('at', concat(generate-id(), '/url'))"/>
          <xsl:call-template name="identifier">
            <xsl:with-param name="type" select="'other'"/>
            <xsl:with-param name="original" select="substring-after($url, 'StructureDefinition/')"/>
            <xsl:with-param name="value" select="key('at', concat(generate-id(), '/valueString'))"/>
          </xsl:call-template>
        </xsl:for-each>
      </registration>
      <xsl:call-template name="parties"><xsl:with-param name="number" select="$value"/></xsl:call-template>
      <xsl:call-template name="details"/>
      <xsl:if test="$is-update"><supersedes><id><xsl:value-of select="$id"/></id></supersedes></xsl:if>
      <xsl:call-template name="related-records"/>
      <xsl:call-template name="handling"/>
    </record>
  </xsl:template>

  <!-- block_count voids a run of certificate numbers: one record for each of them. -->
  <xsl:template name="void">
    <xsl:variable name="said"><xsl:call-template name="parameter"><xsl:with-param name="name" select="'block_count'"/></xsl:call-template></xsl:variable>
    <xsl:variable name="count">
      <xsl:choose>
        <xsl:when test="$said = '' or $said = '0'">1</xsl:when>
        <xsl:otherwise><xsl:value-of select="$said"/></xsl:otherwise>
      </xsl:choose>
    </xsl:variable>
    <xsl:if test="not(number($count) &gt;= 1 and number($count) &lt;= 1000)">
      <xsl:message terminate="yes">block_count is no number from 0 to 1000</xsl:message>
    </xsl:if>
    <xsl:call-template name="void-from"><xsl:with-param name="step" select="0"/><xsl:with-param name="count" select="number($count)"/></xsl:call-template>
  </xsl:template>

  <xsl:template name="void-from">
    <xsl:param name="step"/>
    <xsl:param name="count"/>
    <xsl:variable name="id"><xsl:call-template name="parameter-certificate"><xsl:with-param name="step" select="$step"/></xsl:call-template></xsl:variable>
    <record>
      <xsl:call-template name="source-record"><xsl:with-param name="id" select="concat($id, '-void-', key('at', concat(generate-id($header), '/id')))"/></xsl:call-template>
      <eventType>registration_voided</eventType>
      <status>registered</status>
      <event><date><xsl:copy-of select="kw:date($stamp)"/></date></event>
      <registration>
        <office><id><xsl:call-template name="parameter"><xsl:with-param name="name" select="'jurisdiction_id'"/></xsl:call-template></id></office>
        <!-- The auxiliary id is that of the certificate that is named, not of those that follow. -->
        <xsl:if test="$step = 0">
          <xsl:call-template name="identifier">
            <xsl:with-param name="type" select="'other'"/>
            <xsl:with-param name="original" select="'state_auxiliary_id'"/>
            <xsl:with-param name="value"><xsl:call-template name="parameter"><xsl:with-param name="name" select="'state_auxiliary_id'"/></xsl:call-template></xsl:with-param>
          </xsl:call-template>
        </xsl:if>
      </registration>
      <voiding><reason>unknown</reason><voidedEventType><xsl:value-of select="$event"/></voidedEventType></voiding>
      <voids><id><xsl:value-of select="$id"/></id></voids>
      <xsl:call-template name="handling"/>
    </record>
    <xsl:if test="$step + 1 &lt; $count">
      <xsl:call-template name="void-from"><xsl:with-param name="step" select="$step + 1"/><xsl:with-param name="count" select="$count"/></xsl:call-template>
    </xsl:if>
  </xsl:template>

  <!-- Further names of a deceased person; they correct the certificate and replace nothing of it. -->
  <xsl:template name="alias">
    <xsl:variable name="id"><xsl:call-template name="parameter-certificate"/></xsl:variable>
    <xsl:variable name="first"><xsl:call-template name="parameter"><xsl:with-param name="name" select="'alias_decedent_first_name'"/></xsl:call-template></xsl:variable>
    <xsl:variable name="middle"><xsl:call-template name="parameter"><xsl:with-param name="name" select="'alias_decedent_middle_name'"/></xsl:call-template></xsl:variable>
    <xsl:variable name="last"><xsl:call-template name="parameter"><xsl:with-param name="name" select="'alias_decedent_last_name'"/></xsl:call-template></xsl:variable>
    <xsl:variable name="suffix"><xsl:call-template name="parameter"><xsl:with-param name="name" select="'alias_decedent_name_suffix'"/></xsl:call-template></xsl:variable>
    <xsl:variable name="father"><xsl:call-template name="parameter"><xsl:with-param name="name" select="'alias_father_surname'"/></xsl:call-template></xsl:variable>
    <xsl:variable name="ssn"><xsl:call-template name="parameter"><xsl:with-param name="name" select="'alias_social_security_number'"/></xsl:call-template></xsl:variable>
    <record>
      <xsl:call-template name="source-record"><xsl:with-param name="id" select="concat($id, '-alias-', key('at', concat(generate-id($header), '/id')))"/></xsl:call-template>
      <eventType>death</eventType>
      <status>amended</status>
      <xsl:variable name="year"><xsl:call-template name="parameter-year"/></xsl:variable>
      <event><date><xsl:copy-of select="kw:date(string($year))"/></date></event>
      <registration>
        <office><id><xsl:call-template name="parameter"><xsl:with-param name="name" select="'jurisdiction_id'"/></xsl:call-template></id></office>
        <xsl:call-template name="identifier">
          <xsl:with-param name="type" select="'other'"/>
          <xsl:with-param name="original" select="'state_auxiliary_id'"/>
          <xsl:with-param name="value"><xsl:call-template name="parameter"><xsl:with-param name="name" select="'state_auxiliary_id'"/></xsl:call-template></xsl:with-param>
        </xsl:call-template>
      </registration>
      <party id="deceased">
        <role>deceased</role>
        <xsl:if test="concat(kw:name($first), kw:name($middle), kw:name($last)) != ''">
          <name use="alias">
            <xsl:if test="kw:name($first) != ''"><givenName><xsl:value-of select="kw:name($first)"/></givenName></xsl:if>
            <xsl:if test="kw:name($middle) != ''"><givenName><xsl:value-of select="kw:name($middle)"/></givenName></xsl:if>
            <xsl:if test="kw:name($last) != ''"><familyName><xsl:value-of select="kw:name($last)"/></familyName></xsl:if>
            <xsl:if test="kw:name($suffix) != ''"><suffix><xsl:value-of select="kw:name($suffix)"/></suffix></xsl:if>
          </name>
        </xsl:if>
        <xsl:call-template name="identifier">
          <xsl:with-param name="type" select="'social_security'"/>
          <xsl:with-param name="value" select="string($ssn)"/>
          <xsl:with-param name="country" select="'US'"/>
        </xsl:call-template>
      </party>
      <xsl:if test="kw:name($father) != ''">
        <party id="father">
          <role>father</role>
          <name use="alias"><familyName><xsl:value-of select="kw:name($father)"/></familyName></name>
          <relationship to="deceased"><type>father</type><basis>declared</basis></relationship>
        </party>
      </xsl:if>
      <amends><id><xsl:value-of select="$id"/></id></amends>
      <xsl:call-template name="handling"/>
    </record>
  </xsl:template>
</xsl:stylesheet>
