<?xml version="1.0" encoding="UTF-8"?>
<!-- SPDX-License-Identifier: Apache-2.0 -->
<!-- parties.xsl - the people of a report: child, foetus or deceased, parents, spouse, informant, attendant, certifier. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:kw="urn:kinward:mapping:1"
  xmlns:j="http://www.w3.org/2005/xpath-functions" xmlns:f="http://hl7.org/fhir" xmlns="urn:kinward:record:1"
  exclude-result-prefixes="kw j f">

  <xsl:template name="subject-role">
    <xsl:choose>
      <xsl:when test="$event = 'live_birth'">child</xsl:when>
      <xsl:when test="$event = 'foetal_death'">foetus</xsl:when>
      <xsl:otherwise>deceased</xsl:otherwise>
    </xsl:choose>
  </xsl:template>
  <xsl:variable name="subject-role"><xsl:call-template name="subject-role"/></xsl:variable>

  <xsl:variable name="patients" select="key('resource', concat(generate-id($document), '/Patient'))"/>
  <xsl:variable name="subject-reference" select="string(key('at', concat(generate-id($composition), '/subject/reference')))"/>
  <xsl:variable name="referred" select="$patients[$subject-reference != ''][(../j:string[@key = 'fullUrl'] | ../../f:fullUrl/@value) = $subject-reference or contains(../j:string[@key = 'fullUrl'] | ../../f:fullUrl/@value, concat('/', $subject-reference))]"/>
  <xsl:variable name="subject" select="$referred[1] | $patients[not($referred)][1]"/>

  <xsl:template name="parties">
    <xsl:param name="number"/>
    <xsl:if test="not($referred)"><xsl:value-of select="kw:warn('reference-not-found', 'Composition.subject')"/></xsl:if>
    <xsl:for-each select="$subject">
      <party id="{$subject-role}">
        <role><xsl:value-of select="$subject-role"/></role>
        <xsl:call-template name="person"><xsl:with-param name="number" select="$number"/></xsl:call-template>
      </party>
    </xsl:for-each>
    <!-- BFDR has the mother as a Patient of her own; the father is a RelatedPerson. -->
    <xsl:for-each select="$patients[generate-id() != generate-id($subject)]">
      <xsl:variable name="role">
        <xsl:choose>
          <xsl:when test="contains(key('at', concat(generate-id(), '/meta/profile')), 'father')">father</xsl:when>
          <xsl:otherwise>mother</xsl:otherwise>
        </xsl:choose>
      </xsl:variable>
      <party>
        <role><xsl:value-of select="$role"/></role>
        <xsl:call-template name="person"><xsl:with-param name="role" select="string($role)"/></xsl:call-template>
      </party>
    </xsl:for-each>
    <xsl:for-each select="key('resource', concat(generate-id($document), '/RelatedPerson'))">
      <xsl:variable name="relation" select="kw:text(key('at', concat(generate-id(), '/relationship/coding/code')))"/>
      <xsl:variable name="role">
        <xsl:choose>
          <xsl:when test="$relation = 'MTH' or $relation = 'NMTH'">mother</xsl:when>
          <xsl:when test="$relation = 'FTH' or $relation = 'NFTH'">father</xsl:when>
          <xsl:when test="$relation = 'SPS' or $relation = 'HUSB' or $relation = 'WIFE'">spouse</xsl:when>
          <xsl:when test="$relation = 'PRN' or $relation = 'NPRN'">parent</xsl:when>
          <xsl:otherwise>contact_person</xsl:otherwise>
        </xsl:choose>
      </xsl:variable>
      <party>
        <role><xsl:value-of select="$role"/></role>
        <xsl:call-template name="person"><xsl:with-param name="role" select="string($role)"/><xsl:with-param name="relation" select="$relation"/></xsl:call-template>
      </party>
    </xsl:for-each>
    <xsl:for-each select="key('at', concat(generate-id($subject), '/contact'))[kw:text(concat(key('at', concat(generate-id(), '/name/text')), key('at', concat(generate-id(), '/name/family')))) != '']">
      <xsl:call-template name="informant"/>
    </xsl:for-each>
    <xsl:apply-templates select="key('resource', concat(generate-id($document), '/Practitioner'))" mode="practitioner"/>
  </xsl:template>

  <!-- VRDR has the informant as the contact of the deceased. -->
  <xsl:template name="informant">
    <xsl:variable name="relation" select="kw:text(key('at', concat(generate-id(), '/relationship/text')) | key('at', concat(generate-id(), '/relationship/coding/code')))"/>
    <party>
      <role>informant</role>
      <xsl:call-template name="names"><xsl:with-param name="of" select="."/></xsl:call-template>
      <xsl:if test="$relation != ''">
        <relationship to="{$subject-role}"><xsl:copy-of select="kw:coded('type', 'relationship-type', $relation)"/><basis>declared</basis></relationship>
      </xsl:if>
    </party>
  </xsl:template>

  <!-- The children of a party, from the Patient or RelatedPerson in the context. -->
  <xsl:template name="person">
    <xsl:param name="number"/>
    <xsl:param name="role"/>
    <xsl:param name="relation"/>
    <xsl:call-template name="names"><xsl:with-param name="of" select="."/></xsl:call-template>
    <xsl:if test="$number != ''">
      <xsl:call-template name="identifier">
        <xsl:with-param name="type">
          <xsl:choose>
            <xsl:when test="$event = 'live_birth'">birth_registration</xsl:when>
            <xsl:otherwise>death_registration</xsl:otherwise>
          </xsl:choose>
        </xsl:with-param>
        <xsl:with-param name="value" select="$number"/>
        <xsl:with-param name="country" select="string($own-country)"/>
        <xsl:with-param name="system" select="kw:text(key('at', concat(generate-id($document), '/identifier/system')))"/>
      </xsl:call-template>
    </xsl:if>
    <xsl:call-template name="identifiers"><xsl:with-param name="of" select="."/></xsl:call-template>
    <xsl:call-template name="sex"/>
    <xsl:call-template name="date"><xsl:with-param name="element" select="'dateOfBirth'"/><xsl:with-param name="of" select="."/><xsl:with-param name="name" select="'birthDate'"/></xsl:call-template>
    <xsl:variable name="birthplace" select="key('extension', concat(generate-id(), '/patient-birthPlace')) | key('extension', concat(generate-id(), '/Extension-relatedperson-birthplace-vr'))"/>
    <xsl:call-template name="place">
      <xsl:with-param name="element" select="'placeOfBirth'"/>
      <xsl:with-param name="address" select="key('at', concat(generate-id($birthplace), '/valueAddress'))"/>
    </xsl:call-template>
    <xsl:call-template name="date"><xsl:with-param name="element" select="'dateOfDeath'"/><xsl:with-param name="of" select="."/><xsl:with-param name="name" select="'deceasedDateTime'"/></xsl:call-template>
    <xsl:variable name="alive" select="key('extension', concat(generate-id($subject), '/SpouseAlive'))"/>
    <xsl:variable name="is-alive" select="string(key('at', concat(generate-id($alive), '/valueCodeableConcept/coding/code')))"/>
    <xsl:choose>
      <xsl:when test="$role = 'spouse' and $is-alive = 'Y'"><deceased>false</deceased></xsl:when>
      <xsl:when test="$role = 'spouse' and $is-alive = 'N'"><deceased>true</deceased></xsl:when>
      <xsl:when test="key('at', concat(generate-id(), '/deceasedBoolean')) = 'true'"><deceased>true</deceased></xsl:when>
    </xsl:choose>
    <xsl:call-template name="person-age"><xsl:with-param name="role" select="$role"/></xsl:call-template>
    <xsl:variable name="status" select="key('at', concat(generate-id(), '/maritalStatus'))"/>
    <xsl:copy-of select="kw:coded('maritalStatus', 'marital-status', kw:text(key('at', concat(generate-id($status), '/coding/code'))), kw:text(key('at', concat(generate-id($status), '/coding/system'))))"/>
    <xsl:variable name="addresses" select="key('at', concat(generate-id(), '/address'))"/>
    <xsl:variable name="home" select="$addresses[key('at', concat(generate-id(), '/use')) = 'home' or not(key('at', concat(generate-id(), '/use')))][1]"/>
    <xsl:call-template name="address"><xsl:with-param name="element" select="'usualResidence'"/><xsl:with-param name="address" select="$home"/></xsl:call-template>
    <xsl:for-each select="$addresses[generate-id() != generate-id($home)]">
      <xsl:call-template name="address"><xsl:with-param name="element" select="'address'"/><xsl:with-param name="address" select="."/></xsl:call-template>
    </xsl:for-each>
    <xsl:call-template name="contacts"/>
    <xsl:call-template name="education"><xsl:with-param name="role" select="$role"/></xsl:call-template>
    <xsl:if test="$role = ''"><xsl:call-template name="occupation"/></xsl:if>
    <xsl:if test="$role != ''">
      <relationship to="{$subject-role}">
        <xsl:choose>
          <xsl:when test="$relation = ''"><type><xsl:value-of select="$role"/></type></xsl:when>
          <xsl:otherwise><xsl:copy-of select="kw:coded('type', 'relationship-type', $relation, kw:text(key('at', concat(generate-id(), '/relationship/coding/system'))))"/></xsl:otherwise>
        </xsl:choose>
        <basis>
          <xsl:choose>
            <xsl:when test="starts-with($relation, 'N')">biological</xsl:when>
            <xsl:otherwise>declared</xsl:otherwise>
          </xsl:choose>
        </basis>
      </relationship>
    </xsl:if>
    <xsl:if test="$role = ''"><xsl:call-template name="birth-record"/></xsl:if>
  </xsl:template>

  <!-- The sex that the certificate states; the administrative gender stands apart from it where both are given. -->
  <xsl:template name="sex">
    <xsl:variable name="extension" select="key('extension', concat(generate-id(), '/us-core-birthsex')) | key('extension', concat(generate-id(), '/NVSS-SexAtDeath'))"/>
    <xsl:variable name="stated" select="kw:text(key('at', concat(generate-id($extension), '/valueCode')) | key('at', concat(generate-id($extension), '/valueCodeableConcept/coding/code')))"/>
    <xsl:variable name="within" select="key('at', concat(generate-id(), '/extension/extension'))[contains(key('at', concat(generate-id(), '/url')), 'us-core-birthsex')]"/>
    <xsl:variable name="astray" select="kw:text(key('at', concat(generate-id($within), '/valueCode')))"/>
    <xsl:variable name="gender" select="kw:text(key('at', concat(generate-id(), '/gender')))"/>
    <xsl:choose>
      <xsl:when test="$stated != ''"><xsl:copy-of select="kw:coded('sex', 'sex', $stated, 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex')"/></xsl:when>
      <xsl:when test="$astray != ''"><xsl:copy-of select="kw:coded('sex', 'sex', $astray, 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex')"/></xsl:when>
      <xsl:otherwise><xsl:copy-of select="kw:coded('sex', 'sex', $gender, 'http://hl7.org/fhir/administrative-gender')"/></xsl:otherwise>
    </xsl:choose>
    <xsl:if test="concat($stated, $astray) != ''"><xsl:copy-of select="kw:coded('gender', 'gender', $gender, 'http://hl7.org/fhir/administrative-gender')"/></xsl:if>
  </xsl:template>

  <!-- The age of the deceased is an Observation, that of a parent at the delivery an extension of the child. -->
  <xsl:template name="person-age">
    <xsl:param name="role"/>
    <xsl:choose>
      <xsl:when test="$role = ''">
        <xsl:call-template name="age"><xsl:with-param name="quantity" select="key('at', concat(generate-id(key('observed', concat(generate-id($document), '/39016-1'))), '/valueQuantity'))"/></xsl:call-template>
      </xsl:when>
      <xsl:otherwise>
        <xsl:variable name="code">
          <xsl:choose>
            <xsl:when test="$role = 'mother'">MTH</xsl:when>
            <xsl:when test="$role = 'father'">FTH</xsl:when>
          </xsl:choose>
        </xsl:variable>
        <xsl:variable name="reported" select="key('extension', concat(generate-id($subject), '/Extension-reported-parent-age-at-delivery-vr'))[key('at', concat(generate-id(), '/extension/valueCodeableConcept/coding/code')) = $code]"/>
        <xsl:call-template name="age"><xsl:with-param name="quantity" select="key('at', concat(generate-id($reported), '/extension/valueQuantity'))"/></xsl:call-template>
      </xsl:otherwise>
    </xsl:choose>
  </xsl:template>

  <xsl:template name="contacts">
    <xsl:for-each select="key('at', concat(generate-id(), '/telecom'))[kw:text(key('at', concat(generate-id(), '/value'))) != '']">
      <contact>
        <xsl:variable name="system" select="kw:text(key('at', concat(generate-id(), '/system')))"/>
        <xsl:choose>
          <xsl:when test="$system = ''"><type>unknown</type></xsl:when>
          <xsl:otherwise><xsl:copy-of select="kw:coded('type', 'contact-type', $system, 'http://hl7.org/fhir/contact-point-system')"/></xsl:otherwise>
        </xsl:choose>
        <value><xsl:value-of select="kw:text(key('at', concat(generate-id(), '/value')))"/></value>
      </contact>
    </xsl:for-each>
  </xsl:template>

  <!-- Education is an Observation for each person; the LOINC code says for whom. -->
  <xsl:template name="education">
    <xsl:param name="role"/>
    <xsl:variable name="loinc">
      <xsl:choose>
        <xsl:when test="$role = 'mother'">57712-2</xsl:when>
        <xsl:when test="$role = 'father'">87300-0</xsl:when>
        <xsl:when test="$role = ''">80913-7</xsl:when>
      </xsl:choose>
    </xsl:variable>
    <xsl:variable name="concept" select="key('at', concat(generate-id(key('observed', concat(generate-id($document), '/', $loinc))), '/valueCodeableConcept'))"/>
    <xsl:variable name="code" select="string(key('at', concat(generate-id($concept), '/coding/code')))"/>
    <xsl:call-template name="translated">
      <xsl:with-param name="element" select="'educationalAttainment'"/>
      <xsl:with-param name="concept" select="$concept"/>
      <xsl:with-param name="code">
        <xsl:choose>
          <xsl:when test="$code = 'ELEM'">primary</xsl:when>
          <xsl:when test="$code = 'SEC'">lower_secondary</xsl:when>
          <xsl:when test="$code = 'HS' or $code = 'SCOL'">upper_secondary</xsl:when>
          <xsl:when test="$code = 'AA' or $code = 'ASSOC'">short_tertiary</xsl:when>
          <xsl:when test="$code = 'BA' or $code = 'BD'">bachelor</xsl:when>
          <xsl:when test="$code = 'MA' or $code = 'PB'">master</xsl:when>
          <xsl:when test="$code = 'POSTG' or $code = 'DOC'">doctorate</xsl:when>
        </xsl:choose>
      </xsl:with-param>
    </xsl:call-template>
  </xsl:template>

  <xsl:template name="occupation">
    <xsl:variable name="work" select="key('at', concat(generate-id(key('observed', concat(generate-id($document), '/21843-8'))), '/valueCodeableConcept'))"/>
    <xsl:variable name="words" select="kw:text(key('at', concat(generate-id($work), '/text')))"/>
    <xsl:choose>
      <xsl:when test="$words != ''"><occupation><xsl:value-of select="$words"/></occupation></xsl:when>
      <xsl:otherwise><xsl:call-template name="text"><xsl:with-param name="element" select="'occupation'"/><xsl:with-param name="value" select="key('at', concat(generate-id($work), '/coding/display'))"/></xsl:call-template></xsl:otherwise>
    </xsl:choose>
  </xsl:template>

  <!-- Attendant and certifier bear their role as an extension (BFDR) or in their profile (VRDR); undertakers are not taken. -->
  <xsl:template match="*" mode="practitioner">
    <xsl:variable name="extension" select="key('extension', concat(generate-id(), '/Extension-role'))"/>
    <xsl:variable name="stated" select="string(key('at', concat(generate-id($extension), '/valueCode')))"/>
    <xsl:variable name="role">
      <xsl:choose>
        <xsl:when test="$stated = 'attendant' or $stated = 'certifier'"><xsl:value-of select="$stated"/></xsl:when>
        <xsl:when test="contains(key('at', concat(generate-id(), '/meta/profile')), 'certifier')">certifier</xsl:when>
      </xsl:choose>
    </xsl:variable>
    <xsl:if test="$role != '' and (key('at', concat(generate-id(), '/identifier')) or key('at', concat(generate-id(), '/name')))">
      <party>
        <role><xsl:value-of select="$role"/></role>
        <xsl:call-template name="names"><xsl:with-param name="of" select="."/></xsl:call-template>
        <xsl:call-template name="identifiers"><xsl:with-param name="of" select="."/></xsl:call-template>
        <xsl:call-template name="identifier">
          <xsl:with-param name="type" select="'professional'"/>
          <xsl:with-param name="value" select="key('at', concat(generate-id(), '/qualification/identifier/value'))"/>
        </xsl:call-template>
        <xsl:for-each select="key('at', concat(generate-id(), '/address'))">
          <xsl:call-template name="address"><xsl:with-param name="element" select="'address'"/><xsl:with-param name="address" select="."/></xsl:call-template>
        </xsl:for-each>
        <xsl:call-template name="contacts"/>
        <xsl:call-template name="text"><xsl:with-param name="element" select="'occupation'"/><xsl:with-param name="value" select="key('at', concat(generate-id(), '/qualification/code/coding/display'))"/></xsl:call-template>
      </party>
    </xsl:if>
  </xsl:template>
</xsl:stylesheet>
